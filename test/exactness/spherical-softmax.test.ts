import { exactnessOf } from './grid.js'

exactnessOf('spherical softmax')
