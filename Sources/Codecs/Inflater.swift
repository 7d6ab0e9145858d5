// zlib's inflate on a raw deflate stream, which can start in its middle.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CZlib
import Glibc

/// One deflate stream being decoded. The stream's state keeps its address in memory of its own.
@safe package struct Inflater: ~Copyable {
    let stream: UnsafeMutablePointer<z_stream>

    /// What one step did.
    package struct Step {
        /// Bytes of the input that were used.
        package let consumed: Int
        /// Bytes of the output that were filled.
        package let produced: Int
        package let state: State
    }

    package enum State: Equatable {
        /// Input is used up, or output is full.
        case running
        /// A block ended and another follows: decoding can start here again. Of the last byte used, the upper
        /// `unusedBitCount` bits belong to what follows.
        case blockEnd(unusedBitCount: Int)
        case streamEnd
        /// The bytes are no deflate stream.
        case damaged(String)
    }

    /// How far back a deflate stream may refer, in bytes.
    package static let windowByteCount = 32 << 10

    /// - Throws: `ReadError.system` where there is no memory.
    package init() throws(ReadError) {
        try self.init(windowBits: -15)
    }

    /// `windowBits` is zlib's: a negative number is a stream without a header.
    /// - Throws: `ReadError.system` where zlib refuses.
    package init(windowBits: CInt) throws(ReadError) {
        // Not a property before all is well: `deinit` runs also where an initialiser throws, once all of them are set.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // SAFETY: the stream stays where it is until `deinit`.
        guard unsafe ovafs_inflateInit2(stream, windowBits) == Z_OK else {
            unsafe stream.deallocate()
            throw .system(call: "inflateInit2", errno: ENOMEM)
        }
        unsafe self.stream = stream
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Starts anew: at the start of a stream, or at a block whose window and left-over bits are given.
    package mutating func reset(window: [UInt8] = [], bitCount: Int = 0, bits: UInt8 = 0) {
        unsafe inflateReset(stream)
        if bitCount > 0 { unsafe inflatePrime(stream, CInt(bitCount), CInt(bits)) }
        if !window.isEmpty { unsafe inflateSetDictionary(stream, window, uInt(window.count)) }
    }

    /// Goes back to where `snapshot` was taken.
    /// - Throws: `ReadError.system` where there is no memory; the inflater is of no use then.
    package mutating func restore(_ snapshot: InflaterSnapshot) throws(ReadError) {
        unsafe inflateEnd(stream)
        // SAFETY: the snapshot's stream is only read; zlib copies what it leads to.
        guard unsafe inflateCopy(stream, snapshot.stream) == Z_OK else {
            throw .system(call: "inflateCopy", errno: ENOMEM)
        }
    }

    /// Decodes from `input[position...]` into `output`, at most to the end of the block.
    package mutating func step(
        _ input: [UInt8], from position: Int, into output: UnsafeMutableRawBufferPointer
    ) -> Step {
        // SAFETY: both buffers outlive the call, and zlib is told their lengths; it keeps no pointer that it uses
        // after the next call has set new ones.
        unsafe input.withUnsafeBufferPointer { buffer in
            let available = buffer.count - position
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: buffer.baseAddress)?.advanced(
                by: position)
            unsafe stream.pointee.avail_in = uInt(available)
            unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.avail_out = uInt(output.count)
            let code = unsafe inflate(stream, Z_BLOCK)
            return unsafe Step(
                consumed: available - Int(stream.pointee.avail_in),
                produced: output.count - Int(stream.pointee.avail_out), state: state(code))
        }
    }

    /// The last bytes decoded, up to `windowByteCount`: what a block may refer to.
    package func window() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.windowByteCount) { buffer, initializedCount in
            var count: uInt = 0
            // SAFETY: zlib's window is at most as long as the buffer.
            unsafe inflateGetDictionary(stream, buffer.baseAddress, &count)
            initializedCount = Int(count)
        }
    }

    /// The CRC-32 of more bytes, gzip's polynomial.
    package static func checksum(_ checksum: UInt, of bytes: UnsafeRawBufferPointer) -> UInt {
        // SAFETY: the buffer is read within its length.
        unsafe crc32(checksum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), uInt(bytes.count))
    }

    /// The CRC-32 of what has `first`, with `byteCount` bytes behind it that have `second`.
    package static func combined(_ first: UInt32, _ second: UInt32, byteCount: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_combine(uLong(first), uLong(second), Int(clamping: byteCount)))
    }

    private func state(_ code: CInt) -> State {
        switch code {
        case Z_STREAM_END: return .streamEnd
        // No progress is possible: more input, or room, is needed.
        case Z_OK, Z_BUF_ERROR:
            let type = unsafe Int(stream.pointee.data_type)
            guard type & 128 != 0, type & 64 == 0 else { return .running }
            return .blockEnd(unusedBitCount: type & 7)
        default:
            let message = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
            return .damaged(message ?? "zlib reports \(code)")
        }
    }
}
