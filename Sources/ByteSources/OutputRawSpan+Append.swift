// Appending whole runs of bytes to an output span.
// SPDX-License-Identifier: Apache-2.0

extension OutputRawSpan {
    /// Appends a copy of `bytes`, for which the caller has made sure that there is room.
    package mutating func append(copying bytes: RawSpan) {
        precondition(bytes.byteCount <= freeCapacity, "no room for \(bytes.byteCount) bytes")
        // SAFETY: the room was checked, and source and destination are different memory.
        unsafe withUnsafeMutableBytes { buffer, initializedCount in
            unsafe bytes.withUnsafeBytes { source in
                guard let start = source.baseAddress else { return }
                unsafe buffer.baseAddress?.advanced(by: initializedCount)
                    .copyMemory(from: start, byteCount: source.count)
            }
            initializedCount += bytes.byteCount
        }
    }

    /// Appends `count` zeros, for which the caller has made sure that there is room.
    package mutating func appendZeros(_ count: Int) {
        precondition(count <= freeCapacity, "no room for \(count) zeros")
        // SAFETY: the room was checked.
        unsafe withUnsafeMutableBytes { buffer, initializedCount in
            _ = unsafe buffer.baseAddress?.advanced(by: initializedCount)
                .initializeMemory(as: UInt8.self, repeating: 0, count: count)
            initializedCount += count
        }
    }
}
