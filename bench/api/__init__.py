"""The API under load, beside what answering costs at least and beside other programs on the same marts."""
