drop table if exists image_verdicts;
