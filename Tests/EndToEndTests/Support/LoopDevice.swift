// A block device for a test, which needs root.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Attaches a new file of `byteCount` bytes, all of them 0xff, as a loop device while `body` runs.
func withLoopDevice(
    _ name: String, byteCount: Int, in folder: TestFolder, _ body: (_ device: String) throws -> Void
) throws {
    let file = folder(name)
    try Data(repeating: 0xff, count: byteCount).write(to: URL(fileURLWithPath: file))
    let device = try run(["losetup", "--find", "--show", file]).text
    defer { _ = try? run(["losetup", "--detach", device]) }
    try body(device)
}
