// Many like cases of one test at the same time.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// What `body` says is wrong with each of `items`, or throws, on all cores; nothing where all are right. The tests of
/// `EndToEnd` run one after another: those with many cases that do not get in each other's way are quicker so.
func problems<Item: Sendable>(
    with items: [Item], _ body: @Sendable (Item) throws -> String?
) -> [String] {
    let found = Mutex<[Int: String]>([:])
    DispatchQueue.concurrentPerform(iterations: items.count) { index in
        let problem: String?
        do { problem = try body(items[index]) } catch { problem = "\(error)" }
        if let problem { found.withLock { $0[index] = "\(items[index]): \(problem)" } }
    }
    return found.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
}
