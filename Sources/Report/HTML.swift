internal import Formats

extension ByteString {
    /// Escaped for HTML's text and for quoted values of attributes: always shown as text, on one line, without a change
    /// of direction. Text longer than `most` bytes is cut.
    func escaped(most: Int = 300) -> ByteString {
        let safe = count > most ? prefix(most).terminalSafe + "…" : terminalSafe
        var text: [UInt8] = []
        text.reserveCapacity(safe.count)
        for byte in safe.bytes {
            switch byte {
            case UInt8(ascii: "&"): text += Array("&amp;".utf8)
            case UInt8(ascii: "<"): text += Array("&lt;".utf8)
            case UInt8(ascii: ">"): text += Array("&gt;".utf8)
            case UInt8(ascii: "\""): text += Array("&quot;".utf8)
            case UInt8(ascii: "'"): text += Array("&#39;".utf8)
            default: text.append(byte)
            }
        }
        return ByteString(text)
    }
}

/// A piece of HTML. Text can only be added with `text`, which escapes it.
struct HTML: ExpressibleByStringLiteral, Sendable {
    private(set) var source: ByteString

    /// The page's own HTML.
    init(stringLiteral literal: StaticString) { source = ByteString(stringLiteral: literal) }

    private init(_ source: ByteString) { self.source = source }

    /// Text from elsewhere.
    static func text(_ words: ByteString) -> HTML { HTML(words.escaped()) }

    /// A number, which needs no escaping.
    static func number(_ number: some BinaryInteger) -> HTML { HTML(ByteString(decimal: number)) }

    /// An element; `attributes` are the page's own, written between the name and the bracket.
    static func element(_ name: ByteString, _ attributes: HTML = "", _ content: HTML) -> HTML {
        let space: ByteString = attributes.source.isEmpty ? "" : " "
        return HTML("<" + name + space + attributes.source + ">" + content.source + "</" + name + ">")
    }

    static func + (left: HTML, right: HTML) -> HTML { HTML(left.source + right.source) }
    static func += (left: inout HTML, right: HTML) { left.source += right.source }
}

extension [HTML] {
    func joined(_ separator: HTML = "") -> HTML {
        var all: HTML = ""
        for (index, piece) in enumerated() { all += index == 0 ? piece : separator + piece }
        return all
    }
}

/// A table: names of columns, and rows in which the first cell is the row's name.
struct Table {
    enum Align { case words, numbers, dates }

    let caption: HTML
    let columns: [(name: HTML, align: Align)]
    var rows: [[HTML]] = []

    var html: HTML {
        func mark(_ index: Int) -> HTML {
            switch columns[index].align {
            case .words: ""
            case .numbers: #"class="n""#
            case .dates: #"class="d""#
            }
        }
        let head = columns.indices.map { HTML.element("th", #"scope="col" "# + mark($0), columns[$0].name) }
        let body = rows.map { row -> HTML in
            let cells = zip(columns.indices, row).map { index, cell in
                index == 0
                    ? HTML.element("th", #"scope="row" "# + mark(index), cell) : .element("td", mark(index), cell)
            }
            return .element("tr", "", cells.joined()) + "\n"
        }
        let table = HTML.element(
            "table", "",
            .element("caption", "", caption) + .element("thead", "", .element("tr", "", head.joined()))
                + .element("tbody", "", body.joined()))
        // On a narrow screen a table scrolls separately; what scrolls must be reachable by keyboard.
        return .element("div", #"class="wide" tabindex="0""#, table) + "\n"
    }
}
