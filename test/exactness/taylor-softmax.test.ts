import { exactnessOf } from './grid.js'

exactnessOf('Taylor softmax')
