// Why a read could not be answered.
// SPDX-License-Identifier: Apache-2.0

/// A read that could not be answered. Each case says what failed and where.
package enum ReadError: Error, Equatable {
    /// A system call failed with `errno`.
    case system(call: String, errno: CInt)
    /// The bytes break a rule of their format. `offset` is in bytes, from the start of the source that holds
    /// the record.
    case corrupt(record: String, offset: UInt64, reason: String)
    /// The bytes break a rule, and who asks for `remedy` is shown what is certain all the same.
    /// `offset` is nil where the whole record is meant.
    case refused(record: String, offset: UInt64?, reason: String, remedy: Remedy)
    /// The bytes are in order, and use something that ovafs does not read.
    case unsupported(feature: String)
    /// What lies behind the source is no longer what was opened.
    case stale(source: String)
    /// What is behind a network did not come in time, or not as it has to. It says nothing about the bytes: the next
    /// read asks anew. `source` and `reason` hold no secret.
    case remote(source: String, reason: String)
    /// Opening needed `byteCount` more bytes of memory for `purpose`, and less was left of its budget of `byteLimit`.
    case overBudget(purpose: String, byteCount: UInt64, byteLimit: UInt64)
}

extension ReadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let call, let errno): "\(call): \(Self.message(for: errno))"
        case .corrupt(let record, let offset, let reason), .refused(let record, let offset?, let reason, _):
            "\(record) at byte \(offset): \(reason)"
        case .refused(let record, nil, let reason, _): "\(record): \(reason)"
        case .unsupported(let feature): "not supported: \(feature)"
        case .stale(let source): "\(source) was changed or replaced after it was opened"
        case .remote(let source, let reason): "\(source): \(reason)"
        case .overBudget(let purpose, let byteCount, let byteLimit):
            // A product that overflowed is the largest number.
            "\(purpose) needs \(byteCount == .max ? "more than 2^64" : "\(byteCount)") bytes of memory, "
                + "and less is left of the \(byteLimit) for opening"
        }
    }

    /// What the user can ask for instead; nil where nothing helps. It is not part of `description`.
    package var remedy: Remedy? {
        switch self {
        case .refused(_, _, _, let remedy): remedy
        case .overBudget: .openMemory
        case .system, .corrupt, .unsupported, .stale, .remote: nil
        }
    }
}
