// What a command prints for its caller.
// SPDX-License-Identifier: Apache-2.0

import SystemPackage

enum StandardOutput {
    /// Writes all bytes.
    /// - Throws: `CommandFailure` where the output cannot be written: a full disk is not a success.
    static func write(_ bytes: [UInt8]) throws {
        do {
            try FileDescriptor.standardOutput.writeAll(bytes)
        } catch {
            throw CommandFailure(status: .damaged, message: "cannot write to standard output: \(error)")
        }
    }
}
