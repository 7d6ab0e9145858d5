# The parts of peers.py: data, contestants, workloads, report.
# SPDX-License-Identifier: Apache-2.0
