"""The wire's limits on texts, so that training text is what serving can receive.

They stand in `proto/ctr/v1/prediction.proto`; tests/unit/ctr_train/test_limits.py reads them there.
"""

QUERY_CHARACTERS = 256
TITLE_CHARACTERS = 1024
FEATURE_CHARACTERS = 256
ID_CHARACTERS = 128
FEATURES_AN_ENTITY = 64
TEXTS_A_FEATURE = 64
NAME_CHARACTERS = 128
"""`FeatureSpec.name`."""
