# The parts of soak.py: data, mounts, readers, faults, the criterion of flatness, report.
# SPDX-License-Identifier: Apache-2.0
