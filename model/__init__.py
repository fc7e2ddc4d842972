"""Images, masks, classes, datasets and networks. No Qt, no seggui."""
