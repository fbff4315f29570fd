"""Preflight's rules: what makes an export or a later import fail, decided from rows; pure, the same for every reader."""
