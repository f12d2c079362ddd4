"""The measured work in the old stack's design, written by FastAPI's best practice for speed: async throughout, one SQL
statement a request, no round trip to reset a connection, passwords hashed off the event loop, and answers encoded once,
without response models."""
import asyncio
import base64
import hashlib
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import asyncpg
import jwt
import redis.asyncio as redis
import ujson
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, constr

from tasks import generate

SECRET = os.environ["JWT_SECRET"]
EVENTS = "EVENTS" in os.environ
POOL = 4  # of each of two processes; more are slower on two cores
CHANNEL = "peer:chat:"

USER = "select id, password_hash, username, credits from users where email = $1"
REFRESH = "insert into refresh_tokens (user_id, token_hash, expires_at) values ($1, $2, now() + interval '30 days')"
CHAT = "select session_name, last_seq, created_at, updated_at from chats where id = $1 and user_id = $2"
SEND = """with c as (
        update chats set last_seq = last_seq + 1, updated_at = now() where id = $1 and user_id = $2 returning id, last_seq
    )
    insert into messages (chat_id, seq, sender, content) select id, last_seq, 'user', $3 from c returning id, seq, created_at"""
PAGE = """select m.id, m.seq, m.sender, m.content, m.created_at from chats c join messages m on m.chat_id = c.id
    where c.id = $1 and c.user_id = $2 and m.seq < $3 order by m.seq desc limit $4"""
QUEUE = """with u as (
        update users set credits = credits - $3 where id = $2 and credits >= $3
            and exists (select 1 from projects where id = $1 and user_id = $2) returning credits
    ), j as (
        insert into jobs (project_id, user_id, model, quality, variants, cost_credits) select $1, $2, $4, $5, $6, $3 from u returning id
    ), a as (
        insert into audit_logs (user_id, action, delta_credits, meta)
        select $2, 'deduct_credits', -$3, jsonb_build_object('job_id', j.id) from j
    )
    select j.id, u.credits from j, u"""


class Connection(asyncpg.Connection):
    def get_reset_query(self):
        """Returns no statement: no request changes the state of a session."""
        return ""


app = FastAPI(openapi_url=None)
hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
hashing = ThreadPoolExecutor(1)  # argon2 lets go of the interpreter's lock: one thread for each of two processes
followers: dict[str, set] = {}


@app.on_event("startup")
async def startup():
    state = app.state
    state.db = await asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL, connection_class=Connection, max_inactive_connection_lifetime=0
    )
    state.redis = redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    if EVENTS:
        state.listener = asyncio.create_task(listen())


def answer(body, status=200):
    return Response(ujson.dumps(body, ensure_ascii=False, escape_forward_slashes=False), status, media_type="application/json")


@app.exception_handler(HTTPException)
async def refuse(_, error):
    return JSONResponse({"error": {"code": error.detail}}, error.status_code)


async def caller(request: Request) -> str:
    try:
        return jwt.decode(request.headers["authorization"][7:], SECRET, algorithms=["HS256"])["sub"]
    except (KeyError, jwt.InvalidTokenError):
        raise HTTPException(401, "unauthenticated")


class SignIn(BaseModel):
    email: str
    password: str


class NewMessage(BaseModel):
    content: constr(min_length=1, max_length=8000)


class Order(BaseModel):
    model: str = "nano_banana"
    quality: str = "std"
    variants: int = 1


@app.post("/api/v1/auth/signin")
async def sign_in(body: SignIn):
    user = await app.state.db.fetchrow(USER, body.email)
    try:
        if user is None:
            raise VerifyMismatchError
        await asyncio.get_running_loop().run_in_executor(hashing, hasher.verify, user["password_hash"], body.password)
    except VerifyMismatchError:
        raise HTTPException(401, "invalid_credentials")
    refresh = secrets.token_bytes(32)
    await app.state.db.execute(REFRESH, user["id"], hashlib.sha256(refresh).digest())
    now, uid = int(time.time()), str(user["id"])
    return answer({
        "session_token": jwt.encode({"sub": uid, "iat": now, "exp": now + 86400}, SECRET, "HS256"),
        "token_type": "Bearer",
        "expires_in": 86400,
        "refresh_token": base64.urlsafe_b64encode(refresh).rstrip(b"=").decode(),
        "user": {"id": uid, "username": user["username"], "credits": user["credits"]},
    })


@app.get("/api/v1/chat/{chat_id}")
async def get_chat(chat_id: UUID, user: str = Depends(caller)):
    chat = await app.state.db.fetchrow(CHAT, chat_id, user)
    if chat is None:
        raise HTTPException(404, "not_found")
    return answer({
        "id": str(chat_id), "session_name": chat[0], "url": f"https://localhost/c/{chat_id}", "last_seq": chat[1],
        "created_at": chat[2].isoformat(), "updated_at": chat[3].isoformat(),
    })


@app.post("/api/v1/chat/{chat_id}/messages")
async def send_message(chat_id: UUID, body: NewMessage, user: str = Depends(caller)):
    row = await app.state.db.fetchrow(SEND, chat_id, user, body.content)
    if row is None:
        raise HTTPException(404, "not_found")
    message = {
        "id": str(row[0]), "chat_id": str(chat_id), "seq": row[1], "sender": "user", "content": body.content,
        "created_at": row[2].isoformat(),
    }
    if EVENTS:
        await app.state.redis.publish(f"{CHANNEL}{chat_id}", ujson.dumps(message, ensure_ascii=False))
    return answer({"message": message, "reply": None}, 201)


@app.get("/api/v1/chat/{chat_id}/messages")
async def list_messages(chat_id: UUID, limit: int = 50, cursor: str = "", user: str = Depends(caller)):
    before = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))) if cursor else 1 << 62
    rows = await app.state.db.fetch(PAGE, chat_id, user, before, limit)
    if not rows and await app.state.db.fetchrow(CHAT, chat_id, user) is None:
        raise HTTPException(404, "not_found")
    chat = str(chat_id)
    items = [
        {"id": str(i), "chat_id": chat, "seq": seq, "sender": sender, "content": content, "created_at": at.isoformat()}
        for i, seq, sender, content, at in rows
    ]
    following = base64.urlsafe_b64encode(str(rows[-1][1]).encode()).rstrip(b"=").decode() if len(rows) == limit else None
    return answer({"items": items, "next_cursor": following})


@app.post("/api/v1/project/{project_id}/queue")
async def queue_project(project_id: UUID, body: Order, user: str = Depends(caller)):
    price = {"draft": 1, "std": 2, "4k": 4}[body.quality] * body.variants
    row = await app.state.db.fetchrow(QUEUE, project_id, user, price, body.model, body.quality, body.variants)
    if row is None:
        raise HTTPException(409, "insufficient_credits")
    job = str(row[0])
    generate.apply_async((job,))  # a thread would cost more than this short blocking push
    return answer({"job_id": job, "status": "queued", "cost_credits": price, "credits_left": row[1]}, 201)


@app.get("/api/v1/chat/{chat_id}/events")
async def stream_events(chat_id: UUID, user: str = Depends(caller)):
    if await app.state.db.fetchrow(CHAT, chat_id, user) is None:
        raise HTTPException(404, "not_found")
    return StreamingResponse(follow(f"{CHANNEL}{chat_id}"), media_type="text/event-stream")


async def follow(channel):
    events = asyncio.Queue(16)
    followers.setdefault(channel, set()).add(events)
    try:
        yield ": hello\n\n"
        while True:
            try:
                yield await asyncio.wait_for(events.get(), 15)
            except asyncio.TimeoutError:
                yield ": \n\n"
    finally:
        followers[channel].discard(events)


async def listen():
    """One subscription for each process; each event is encoded once and passed to the streams of its chat."""
    subscription = app.state.redis.pubsub()
    await subscription.psubscribe(CHANNEL + "*")
    async for message in subscription.listen():
        if message["type"] == "pmessage":
            for events in followers.get(message["channel"], ()):
                if not events.full():
                    events.put_nowait(f"event: message\ndata: {message['data']}\n\n")
