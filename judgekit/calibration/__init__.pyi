from judgekit.calibration.fitted import Calibrations as Calibrations
from judgekit.calibration.fitted import load_calibrations as load_calibrations
from judgekit.calibration.orders import balance as balance
from judgekit.calibration.orders import balanced_scores as balanced_scores
from judgekit.calibration.probabilities import Calibration as Calibration
