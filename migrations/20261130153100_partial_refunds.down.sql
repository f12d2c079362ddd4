alter table if exists jobs
    drop column if exists variants_begun,
    drop column if exists refunded_credits;
