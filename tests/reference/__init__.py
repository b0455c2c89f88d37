"""The contract's section 1 once more: independent of the program, slow, obvious, standard library only.

Nothing here imports the program. Tests hold the program against these modules; ``test_reference.py`` holds
these modules against expectations worked out by hand. Where the contract is silent, each module's docstring
says what was chosen.

``readers`` turns a CSV delivery into data files, ``cells`` and ``lists`` read one cell, ``movies`` turns
rows into movies and rejects, ``marts`` and ``dimensions`` sum and name, ``reports`` writes the report
files, ``outcome`` puts them together and ``difference`` explains how two results differ.
"""
