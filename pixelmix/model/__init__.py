"""Model bundles and the networks in them: numpy in, numpy out. ONNX Runtime lives here only."""
