"""How a request looks while it is worked on. Everything here is made from one `requests:show` object."""
