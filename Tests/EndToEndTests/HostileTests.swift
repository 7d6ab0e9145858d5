// Packages and callers that mean harm, or that no one thought of: SEMANTICS, in several chapters.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct HostileTests {
        @Test("C1: a caller that has closed its input and outputs gets a mount that can be read")
        func closedDescriptors() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try shell("\"$1\" mount \"$2\" \"$3\" <&- >&- 2>&-", try Ovafs.path(), package.path, point)
                defer { _ = try? unmount(point) }
                try shell("cmp \"$1\" \"$2\"", point + "/" + StandardPackage.first, package.firstReference)
            }
        }
    }
}
