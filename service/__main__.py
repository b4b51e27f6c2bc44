"""`python -m service` is the command `trialhook`."""

from service.cli import main

if __name__ == "__main__":
    main()
