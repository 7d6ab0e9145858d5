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
    private let idle = IdleObjects()

    package init() {}

    /// Calls `body` with an object that no one else has.
    package func withObject<Result>(
        _ body: (Object) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        let object: Object
        if let waiting = idle.take() {
            // SAFETY: only objects of this type are given back below.
            object = unsafe unsafeDowncast(waiting, to: Object.self)
        } else {
            object = try Object()
        }
        defer {
            object.reset()
            idle.giveBack(object)
        }
        return try body(object)
    }
}

/// The part of a pool that knows no type: generic code of another target is not specialised, and an array of a type
/// that is looked up for each read costs more than all else that a pool does.
private final class IdleObjects: Sendable {
    private let objects = SleepingMutex<[any PooledObject]>([])

    func take() -> (any PooledObject)? {
        objects.withLock { $0.popLast() }
    }

    func giveBack(_ object: any PooledObject) {
        objects.withLock { $0.append(object) }
    }
}
