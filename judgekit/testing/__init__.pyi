from judgekit.testing.judging import assert_bounds as assert_bounds
from judgekit.testing.judging import assert_score as assert_score
from judgekit.testing.judging import score as score
from judgekit.testing.session import Undecided as Undecided
