"""The doctor: everything that the policies need in Azure, looked at without more rights than it asks about."""

from holdfast.cloud.doctor.doctor import Doctor

__all__ = ["Doctor"]
