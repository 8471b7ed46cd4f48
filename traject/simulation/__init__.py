"""The made-up world of `traject simulate`: a mail server, people who answer, staff, and somebody who watches."""
