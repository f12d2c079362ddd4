"""The worker of the old stack's design, tuned for throughput: at least once (late acknowledgement), no results kept."""
import os
import sys
import threading

import psycopg2
from celery import Celery
from celery.signals import worker_ready

celery = Celery("tasks", broker=os.environ["REDIS_URL"])
celery.conf.update(
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    worker_disable_rate_limits=True,
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=16,
    worker_send_task_events=False,
)
local = threading.local()

CLAIM = """prepare claim as update jobs set status = 'running', started_at = clock_timestamp()
    where id = $1 and status = 'queued' returning model"""
FINISH = """prepare finish as update jobs set status = 'succeeded', finished_at = clock_timestamp()
    where id = $1 and status = 'running'"""


@worker_ready.connect
def ready(**_):
    print("bench: ready", file=sys.stderr, flush=True)


def connection():
    """One connection for each thread, with its statements prepared once."""
    if not hasattr(local, "db"):
        local.db = psycopg2.connect(os.environ["DATABASE_URL"])
        local.db.autocommit = True
        with local.db.cursor() as cursor:
            cursor.execute(CLAIM)
            cursor.execute(FINISH)
    return local.db


@celery.task(name="generate")
def generate(job_id):
    """Runs a job whose provider takes no time, unless another worker has it or it is done."""
    with connection().cursor() as cursor:
        cursor.execute("execute claim(%s)", (job_id,))
        if cursor.fetchone() is not None:
            cursor.execute("execute finish(%s)", (job_id,))
