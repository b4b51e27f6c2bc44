"""The scripts. A script that was released is never changed; a new one is added."""
