"""What can be read off raw bytes, file for file."""
