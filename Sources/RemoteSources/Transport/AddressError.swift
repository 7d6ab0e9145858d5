// Why an address cannot be used.
// SPDX-License-Identifier: Apache-2.0

/// An address that is not one, or not one of the web. It repeats nothing of the address, which may hold secrets.
package struct AddressError: Error, Equatable, CustomStringConvertible {
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { "the address \(reason)" }
}
