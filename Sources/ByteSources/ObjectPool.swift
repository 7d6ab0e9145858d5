// Costly objects that wait for their next use.
// SPDX-License-Identifier: Apache-2.0

/// What a pool lends.
package protocol PooledObject: AnyObject, Sendable {
    init() throws(ReadError)
    /// Makes the object as good as new; called when it comes back.
    func reset()
}

/// Lends objects, each to one thread at a time; there are never more than there were threads that used one at once.
package final class ObjectPool<Object: PooledObject>: Sendable {
    @usableFromInline let idle = SleepingMutex<[Object]>([])

    package init() {}

    /// Calls `body` with an object that no one else has.
    ///
    /// Inlinable, so that it is specialised where it is used: every read comes through here.
    @inlinable
    package func withObject<Result>(
        _ body: (Object) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        let object: Object
        if let waiting = idle.withLock({ $0.popLast() }) {
            object = waiting
        } else {
            object = try Object()
        }
        defer {
            object.reset()
            idle.withLock { $0.append(object) }
        }
        return try body(object)
    }
}
