// Characters that no one sees, and that change what is seen.
// SPDX-License-Identifier: Apache-2.0

extension Unicode.Scalar {
    /// Whether it is not seen, ends a line or turns the direction of writing. Joiners are a part of words and of pictures.
    package var isHidden: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: value != 0x200c && value != 0x200d
        default: false
        }
    }
}
