"""The program on the worker VM: takes a job, exports, reads or writes the repository, reports. No inbound port."""
