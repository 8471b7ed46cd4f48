"""iCalendar bytes and the school calendar: values in, values out."""
