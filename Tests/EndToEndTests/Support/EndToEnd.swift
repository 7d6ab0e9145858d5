// The suite that all end-to-end tests belong to: they run one after another, each on real mounts.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Each test's name begins with the promise of docs/SEMANTICS.md that it tests.
@Suite(.serialized)
enum EndToEnd {
    /// For tests that attach loop devices, mount file systems or change owners.
    static let isRoot = geteuid() == 0
}
