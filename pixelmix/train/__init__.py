"""The model side: preparing data, training, evaluating, exporting. torch lives here only."""
