"""The exploration engine beside other model checkers, on one model, in one run.

``python -m bench.peers --rms 7 9 --repeat 3`` measures every checker that is installed and says which ones it skipped.
"""
