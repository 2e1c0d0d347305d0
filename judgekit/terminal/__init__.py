"""What somebody who watches is shown: text that steers no terminal, and how far long work is."""
