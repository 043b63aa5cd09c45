"""Files: their bodies on disk, how they are uploaded, and the rows that the platform keeps about them."""
