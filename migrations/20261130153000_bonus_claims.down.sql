drop table if exists bonus_claims;
