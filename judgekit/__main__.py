"""`python -m judgekit`: the command line, where its script is not on the path."""

from judgekit.cli import main

if __name__ == "__main__":
    main()
