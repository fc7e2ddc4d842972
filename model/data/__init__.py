"""Images, masks, label sets and splits."""
