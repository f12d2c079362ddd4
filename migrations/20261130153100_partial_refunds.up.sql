-- What a cancel gives back depends on how many variants were asked of the vendor. A failure gives back everything.

alter table jobs
    add column if not exists variants_begun integer not null default 0,
    add column if not exists refunded_credits bigint not null default 0;

update jobs set refunded_credits = cost_credits where refunded and refunded_credits = 0;

alter table jobs
    drop constraint if exists jobs_variants_begun_check,
    drop constraint if exists jobs_refund_within_price,
    add constraint jobs_variants_begun_check check (variants_begun between 0 and variants),
    add constraint jobs_refund_within_price check (refunded_credits between 0 and cost_credits);
