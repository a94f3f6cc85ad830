-- A sign-in that was held back has a challenge too, which no code fits: whoever asks can't tell it from one that was mailed.
ALTER TABLE challenges ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
