#!/bin/sh
# What CI runs: the bot is asked, its answers meet the job's bounds and are no worse than before, the tests pass.
set -e
python bot.py >answers.jsonl
judgekit score --job job.toml --own-code --overwrite --quiet
if [ -d before ]; then judgekit diff results before --require 'worse<=0'; fi
python -m pytest -q --judgekit-out checked
