package chart

// This file owns the colours. A drawing brings its own background, since an image in
// a page can be shown in another theme than the page is; on paper it is light. The
// series' colours start from Okabe and Ito's (Color Universal Design, 2008), moved so
// that they can be read as text on both backgrounds and stay apart for people who see
// no red, no green or no blue. Tests hold contrast and distance.

// tones is how many series a chart can tell apart.
const tones = 8

// baseCSS is the style of every drawing. Classes have a prefix, and mean the same in
// all drawings, so that they may share a page.
const baseCSS = `.kpc{max-width:100%;height:auto;font-family:-apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif}
.kpc-bg{fill:#ffffff}
.kpc-title{font-size:18px;font-weight:600;fill:#1f2328}
.kpc-text{font-size:13px;fill:#59636e}
.kpc-small{font-size:12px;fill:#59636e}
`

const baseDarkCSS = `.kpc-bg{fill:#0d1117}
.kpc-title{fill:#f0f6fc}
.kpc-text,.kpc-small{fill:#9198a1}
`

const linesCSS = baseCSS + `.kpc-grid,.kpc-tick,.kpc-axis{fill:none;stroke-width:1;stroke:#e4e8ec}
.kpc-tick,.kpc-axis{stroke:#8c959f}
.kpc-line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.kpc-dash{stroke-dasharray:7 5}
.kpc-lead{fill:none;stroke:currentColor;stroke-width:1}
.kpc-far{stroke-dasharray:1 4}
.kpc-mark{fill:currentColor;stroke:#ffffff;stroke-width:1}
.kpc-hollow{fill:#ffffff;stroke:currentColor;stroke-width:1.6}
.kpc-hit{fill:none;stroke:none;pointer-events:all}
.kpc-name{font-size:13px;font-weight:500;fill:currentColor}
.kpc-c1{color:#1a71e2}
.kpc-c2{color:#bf3122}
.kpc-c3{color:#0a444e}
.kpc-c4{color:#93198b}
.kpc-c5{color:#642a00}
.kpc-c6{color:#07705f}
.kpc-c7{color:#5d30be}
.kpc-c8{color:#6c6e92}
@media screen and (prefers-color-scheme:dark){
` + baseDarkCSS + `.kpc-grid{stroke:#262c35}
.kpc-tick,.kpc-axis{stroke:#656c76}
.kpc-mark{stroke:#0d1117}
.kpc-hollow{fill:#0d1117}
.kpc-c1{color:#0fa0ff}
.kpc-c2{color:#ea6026}
.kpc-c3{color:#3cee9d}
.kpc-c4{color:#ef84b1}
.kpc-c5{color:#ffc402}
.kpc-c6{color:#abf4f0}
.kpc-c7{color:#b07cd2}
.kpc-c8{color:#bac4e1}
}
`

// steps is how many colours a heat map has on either side of its middle.
const steps = 4

// heatCSS has a cell's colour hN and the colour of the text on it tN, N from 0 (far
// below the middle) over 4 (the middle) to 8 (far above).
const heatCSS = baseCSS + `.kpc-label{font-size:13px;fill:#1f2328}
.kpc-cell{font-size:13px;font-variant-numeric:tabular-nums}
.kpc-none{fill:none;stroke:#d1d9e0;stroke-width:1;stroke-dasharray:2 3}
.kpc-h0{fill:#b35806}
.kpc-h1{fill:#e08214}
.kpc-h2{fill:#fdb863}
.kpc-h3{fill:#fee0b6}
.kpc-h4{fill:#eff2f5}
.kpc-h5{fill:#d1e5f0}
.kpc-h6{fill:#92c5de}
.kpc-h7{fill:#4393c3}
.kpc-h8{fill:#2166ac}
.kpc-t0,.kpc-t8{fill:#ffffff}
.kpc-t1,.kpc-t2,.kpc-t3,.kpc-t4,.kpc-t5,.kpc-t6,.kpc-t7{fill:#0d1117}
@media screen and (prefers-color-scheme:dark){
` + baseDarkCSS + `.kpc-label{fill:#f0f6fc}
.kpc-none{stroke:#3d444d}
.kpc-h0{fill:#f0883e}
.kpc-h1{fill:#b4540f}
.kpc-h2{fill:#7d380a}
.kpc-h3{fill:#472309}
.kpc-h4{fill:#262c36}
.kpc-h5{fill:#0d2f52}
.kpc-h6{fill:#114a85}
.kpc-h7{fill:#1c6cbd}
.kpc-h8{fill:#58a6ff}
.kpc-t0,.kpc-t8{fill:#0d1117}
.kpc-t1,.kpc-t2,.kpc-t3,.kpc-t4,.kpc-t5,.kpc-t6,.kpc-t7{fill:#ffffff}
}
`
