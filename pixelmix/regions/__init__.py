"""Where in the picture: reading points and boxes, and finding them on the feature map."""
