"""Realistic databases made up on the spot, as valid BACPACs, with what changes in them from day to day.

For the demo, tests and benches. Everything follows from name, day, scale and seed: the same arguments give the same bytes,
on any machine and with any version of numpy.
"""
