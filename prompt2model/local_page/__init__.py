"""Pages on this machine only: how they look and how they are served."""
