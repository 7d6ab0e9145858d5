// A place in a gzip stream from which decoding goes on.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Decodes a gzip stream forwards, member after member.
/// Spec: RFC 1952, 2.3 "Member format".
// SAFETY: one thread at a time uses a cursor: who takes it out of the pool, until it is put back.
final class GzipCursor: @unchecked Sendable {
    private let base: any ByteSource
    private let name: String
    private var inflater: Inflater
    /// Stored bytes that were read and not all used.
    private var input: [UInt8] = []
    private var inputStart: UInt64 = 0
    private var inputPosition = 0
    /// The byte before `input`: a block can end in bits that were taken before more was read.
    private var previousByte: UInt8 = 0
    /// Where the next decoded byte is in the decoded bytes.
    private(set) var outputOffset: UInt64 = 0

    /// Stored bytes that are read at once.
    private static let inputByteCount: UInt64 = 128 << 10
    /// About what a cursor takes, in bytes.
    static let byteCount = inputByteCount + UInt64(InflaterSnapshot.byteCount)
    /// Longest name or comment in a header, in bytes.
    private static let maximumFieldByteCount = 1 << 16

    enum Event: Equatable {
        case none
        case blockEnd(unusedBitCount: Int)
        /// The deflate stream of a member ended; its trailer is next.
        case memberEnd
    }

    /// Where the next stored byte is.
    var inputOffset: UInt64 { inputStart + UInt64(inputPosition) }
    /// The byte before it.
    var lastByte: UInt8 { inputPosition > 0 ? input[inputPosition - 1] : previousByte }

    /// Where reading stored bytes ends, at the latest.
    private let inputEnd: UInt64

    /// `end` is where the stored bytes end that are wanted; nil for all.
    init(over base: any ByteSource, named name: String, upTo end: UInt64? = nil) throws(ReadError) {
        self.base = base
        self.name = name
        inputEnd = min(end ?? .max, base.byteCount)
        inflater = try Inflater()
    }

    /// Goes to a restart point.
    func move(to point: GzipRestartPoint) throws(ReadError) {
        input = []
        inputStart = point.inputOffset
        inputPosition = 0
        outputOffset = point.outputOffset
        if point.isMemberStart {
            guard try startMember() else { throw corrupt("the member is no longer there") }
        } else if let snapshot = point.snapshot {
            try inflater.restore(snapshot)
        } else {
            inflater.reset(window: point.window, bitCount: point.bitCount, bits: point.bits)
        }
    }

    /// Decodes into `output`, at most to the end of a block.
    func step(
        into output: UnsafeMutableRawBufferPointer
    ) throws(ReadError) -> (produced: Int, event: Event) {
        if inputPosition == input.count {
            guard try refill() else { throw corrupt("the stored bytes end inside a member") }
        }
        let step = unsafe inflater.step(input, from: inputPosition, into: output)
        inputPosition += step.consumed
        outputOffset += UInt64(step.produced)
        switch step.state {
        case .running: return (step.produced, .none)
        case .blockEnd(let count): return (step.produced, .blockEnd(unusedBitCount: count))
        case .streamEnd: return (step.produced, .memberEnd)
        case .damaged(let reason): throw corrupt("the deflate stream is damaged: \(reason)")
        }
    }

    /// The window for a restart point here.
    func window() -> [UInt8] { inflater.window() }

    /// The whole state of decoding, for a restart point inside a block.
    func snapshot() throws(ReadError) -> InflaterSnapshot { try InflaterSnapshot(of: inflater) }

    /// Whether all stored bytes were used.
    var isAtEnd: Bool { inputOffset >= base.byteCount }

    /// Goes to the next stored byte that is not zero, or to the end. Holes are not read.
    func skipZeros() throws(ReadError) {
        while !isAtEnd {
            try PatientRead.checkCancellation()
            if inputPosition == input.count {
                let start = inputOffset
                let data = try base.firstOffset(of: .data, in: start..<base.byteCount) ?? base.byteCount
                if data > start {
                    input = []
                    inputPosition = 0
                    inputStart = data
                    continue
                }
                guard try refill() else { return }
            }
            guard let next = input[inputPosition...].firstIndex(where: { $0 != 0 }) else {
                inputPosition = input.count
                continue
            }
            inputPosition = next
            return
        }
    }

    /// Reads the header of a member; false where none is here: the end, zeros, or other bytes, among which is a header
    /// that is damaged.
    func startMember() throws(ReadError) -> Bool {
        guard base.byteCount - min(inputOffset, base.byteCount) >= 18 else { return false }
        if input.count - inputPosition < 4 { _ = try refill() }
        // A member may have 20 bytes: no more is done for each than has to be.
        guard input.count - inputPosition >= 4, input[inputPosition] == 0x1f,
            input[inputPosition + 1] == 0x8b, input[inputPosition + 2] == 8
        else { return false }
        let flags = input[inputPosition + 3]
        // Reserved flags, of which nobody knows what they would mean.
        guard flags & 0xe0 == 0 else { return false }
        try skip(10)
        if flags & 4 != 0 { try skip(Int(try byte()) | Int(try byte()) << 8) }
        if flags & 8 != 0 { try skipText() }
        if flags & 16 != 0 { try skipText() }
        if flags & 2 != 0 { try skip(2) }
        inflater.reset()
        return true
    }

    /// Reads the trailer of a member: the CRC-32 and the length, modulo 2^32, of its decoded bytes.
    func readTrailer() throws(ReadError) -> (checksum: UInt32, byteCount: UInt32) {
        var value: UInt64 = 0
        if input.count - inputPosition >= 8 {
            for index in 0..<8 { value |= UInt64(input[inputPosition + index]) << UInt64(8 * index) }
            inputPosition += 8
            return (UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32))
        }
        for shift in 0..<8 { value |= UInt64(try byte()) << UInt64(8 * shift) }
        return (UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32))
    }

    func corrupt(_ reason: String) -> ReadError {
        .corrupt(record: name, offset: inputOffset, reason: reason)
    }

    /// The error for damage that does not keep what is before it from being read.
    func refused(_ reason: String) -> ReadError {
        .refused(record: name, offset: inputOffset, reason: reason, remedy: .lenient)
    }

    private func refill() throws(ReadError) -> Bool {
        let start = inputOffset
        guard start < inputEnd else { return false }
        previousByte = lastByte
        input = try base.bytes(Int(min(Self.inputByteCount, inputEnd - start)), at: start)
        inputStart = start
        inputPosition = 0
        return true
    }

    private func byte() throws(ReadError) -> UInt8 {
        if inputPosition == input.count {
            guard try refill() else { throw corrupt("the stored bytes end inside a header or trailer") }
        }
        defer { inputPosition += 1 }
        return input[inputPosition]
    }

    private func skip(_ count: Int) throws(ReadError) {
        if input.count - inputPosition >= count {
            inputPosition += count
            return
        }
        for _ in 0..<count { _ = try byte() }
    }

    private func skipText() throws(ReadError) {
        for _ in 0..<Self.maximumFieldByteCount where try byte() == 0 { return }
        throw corrupt("a name in a header is longer than \(Self.maximumFieldByteCount) bytes")
    }
}
