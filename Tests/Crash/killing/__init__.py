# The parts of crash.py: inputs, the tracer, cases, servers, checks.
# SPDX-License-Identifier: Apache-2.0
