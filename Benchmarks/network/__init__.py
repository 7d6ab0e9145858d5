# The parts of remote.py: a web server behind networks, an appliance for it, contestants, workloads.
# SPDX-License-Identifier: Apache-2.0
