"""A BACPAC: read it, describe it, count its rows, rebuild it bit for bit, write one, find what an export cannot carry.

`package.Bacpac` opens and checks a file; `model` and `origin` say what its XML parts hold; `rows` walks its table data;
`skeleton` keeps what a bit-identical rebuild needs; `writer` writes a valid package; `blockers` reads a model as
preflight does. The format's facts stand in the docs' page on the BACPAC.
"""
